"""`multimodal_processor`: says what can be measured of pictures, sounds and texts."""
