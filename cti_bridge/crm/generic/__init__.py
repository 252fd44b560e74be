"""Any CRM with an HTTP interface, described in the settings: requests with placeholders, JMESPath on the answers."""
