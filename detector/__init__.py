"""The program on the computer with the card reader: sees cards, lists their files, copies what the hub asks for.

Owns: card events, the metadata scan, the verified copy, the journal and the connection to the hub.
Not here: what is already known and who jumped (the hub decides which files to ask for), anything that reads a picture.
Stays light: no Dagster, no OpenCV, no database server. It only ever reads a card.
"""
