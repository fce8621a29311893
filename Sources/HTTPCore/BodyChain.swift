/// A part of a body on its way through the response pipeline.
///
/// The array is reused over requests; a filter replaces the pieces it was given by those it makes.
struct BodyChain {
    var pieces: [Piece] = []
    /// No more will follow.
    var isLast = false
    /// What there is must reach the client without waiting for more.
    var flush = false

    init() {}

    var isEmpty: Bool { pieces.isEmpty }

    /// Bytes in all pieces.
    var count: Int {
        var total = 0
        for piece in pieces { total += piece.count }
        return total
    }

    mutating func append(_ piece: Piece) {
        if piece.count > 0 { pieces.append(piece) }
    }

    mutating func removeAll() {
        pieces.removeAll(keepingCapacity: true)
        isLast = false
        flush = false
    }
}
