"""The JSON documents of the command line, as types. Each is built by one function from values of the engine or its ports.

Fields are added, never renamed, removed or given another meaning. ``docs/schemas`` is generated from these types.
"""
