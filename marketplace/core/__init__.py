"""Ground that every package stands on: errors, database session, outbox, money, clock, states, forms, settings, ids."""
