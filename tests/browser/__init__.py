"""Stories of the console in Chromium, against the real stack. They run with 'make browser'."""
