"""Languages: what the program has to tell people, as codes and values, and the words for them.

Owns: messages and their codes (`messages`, `codes`), words by language (`words/en.json`, and one more file a language).
Not here: dates in a film's title (`stinercut.templates.merging`), which language somebody reads (who shows the words).
"""
