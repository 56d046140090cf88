"""The edge of Fanwire: Tornado, the buses, files and the command line. What happens inside is in ``actors``."""
