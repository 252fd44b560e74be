"""The customers: the port that every CRM is reached through, and deadline, kept answers and breaker around it."""
