"""The wire protocol as pure values: names, envelopes, control frames, codes, JSON and frame bytes."""
