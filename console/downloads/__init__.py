"""The forms of a download: lines of JSON, tables, and an archive; plain, encrypted to recipients, or resumed."""
