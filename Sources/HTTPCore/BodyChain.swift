/// A part of a body on its way through the response pipeline.
///
/// Its memory is reused over requests; a filter replaces the pieces it was given by those it makes.
final class BodyChain {
    let pieces = List<Piece>()
    /// No more will follow.
    var isLast = false
    /// What there is must reach the client without waiting for more.
    var flush = false

    init() {}

    var isEmpty: Bool { pieces.isEmpty }

    /// Bytes in all pieces.
    var count: Int {
        var total = 0
        for index in pieces.indices { total += pieces[index].count }
        return total
    }

    func append(_ piece: Piece) {
        if piece.count > 0 { pieces.append(piece) }
    }

    func removeAll() {
        pieces.removeAll(keepingUpTo: 64)
        isLast = false
        flush = false
    }
}
