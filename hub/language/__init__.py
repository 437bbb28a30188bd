"""Readers' languages: the words of pages, and answers in the language that a browser asks for."""
