"""What makes an actor: its mailbox, its turns on the loop, and the supervisor that brings it back."""
