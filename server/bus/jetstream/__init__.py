"""The bus on NATS JetStream: ``JetStreamBus`` is what the rest of the gateway sees of it."""
