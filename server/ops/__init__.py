"""What operators look at: snapshots of everything that is counted and supervised here, each made for all who ask."""
