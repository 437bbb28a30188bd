"""Assets of cards: which jumps a card's new files belong to."""
