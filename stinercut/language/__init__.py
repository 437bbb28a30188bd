"""Languages: messages for people, as codes and values, and the words for them.

Owns: messages and their codes (`messages`, `codes`), words by language (`words/en.json`, and one more file per
language). Not here: dates in a film's title (`stinercut.templates.merging`), choosing a reader's language (the code
that shows messages).
"""
