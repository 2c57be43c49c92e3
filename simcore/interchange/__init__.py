"""Networks from other tools' files and to them, as far as both mean the same; what does not fit is refused by name."""
