"""`web_crawler`: fetches pages and follows their links, politely, and nowhere that it must not go."""
