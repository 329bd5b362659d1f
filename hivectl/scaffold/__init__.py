"""What hivectl writes for people who begin something: packages of plugins."""
