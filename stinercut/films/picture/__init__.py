"""The film's picture: decodes footage, encodes or copies segments, and keeps them for the next film."""
