"""The buses: where messages are stored and get their positions. Each implements ``actors.ports.Bus``."""
