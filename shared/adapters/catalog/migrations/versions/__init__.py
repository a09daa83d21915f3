"""Hold the migrations, one module per revision."""
