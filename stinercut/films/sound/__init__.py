"""The film's sound: the mix of clips and music, speech, chapters."""
