"""The part that runs beside the card reader: sees cards, says what is on them, copies what the hub asks for.

Owns: card events, the metadata scan, the verified copy, the journal and the connection to the hub.
Not here: what is already known or who jumped (the hub decides what is asked for), anything that reads a picture.
Stays light: no Dagster, no OpenCV, no database server. A card is only ever read.
"""
