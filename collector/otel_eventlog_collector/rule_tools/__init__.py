"""What people need to write rules: tests, reasons and suggestions. Pure, over the one engine."""
