"""A companion inside a web application: FastAPI and aiohttp."""
