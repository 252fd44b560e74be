"""The HTTP side: the public listener for pages and programs, the private one for the admin's monitoring."""
