"""The other side of the wire: shares no import with anything."""
