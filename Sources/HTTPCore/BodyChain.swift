package import EventLoop

/// A part of a body on its way through the response pipeline.
///
/// The array is reused over requests; a filter replaces the pieces it was given by those it makes.
package struct BodyChain {
    package var pieces: [Piece] = []
    /// No more will follow.
    package var isLast = false
    /// What there is must reach the client without waiting for more.
    package var flush = false

    package init() {}

    package var isEmpty: Bool { pieces.isEmpty }

    /// Bytes in all pieces.
    package var count: Int {
        var total = 0
        for piece in pieces { total += piece.count }
        return total
    }

    package mutating func append(_ piece: Piece) {
        if piece.count > 0 { pieces.append(piece) }
    }

    package mutating func removeAll() {
        pieces.removeAll(keepingCapacity: true)
        isLast = false
        flush = false
    }
}
