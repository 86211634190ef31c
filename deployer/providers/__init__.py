"""The platforms: a codec turns an assignment into a platform's objects, a provider reads and writes them."""
