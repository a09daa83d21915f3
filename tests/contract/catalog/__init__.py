"""What every catalog promises, port by port."""
