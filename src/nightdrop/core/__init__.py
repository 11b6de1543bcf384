"""What every part shares; imports nothing of nightdrop."""
