"""What looks at the gateway from inside and tells others: StatsD, Prometheus, and their place in the tree."""
