package conversation

// PlaceKey is the content member by which a message names a place of the trust, such as a ward: {"id":"w7","name":"Ward 7"}. Any
// client may write it; its plain body says the same.
const PlaceKey = "uk.wardline.place"
