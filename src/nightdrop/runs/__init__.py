"""The run queue and run logs."""
