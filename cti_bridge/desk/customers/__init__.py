"""The customer: who it is, what operators change about him, and how the CRM gets it."""
