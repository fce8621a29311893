/// A module's settings: a struct whose initial value holds the defaults, and its place in every block's table.
///
/// No two slots may have one index; the indices come from one enum.
struct Slot<S: Sendable>: Sendable {
    let index: Int
    /// What holds where no block sets anything.
    let initial: Box<S>

    init(index: Int, initial: S) {
        precondition(index >= 0)
        self.index = index
        self.initial = Box(initial)
    }
}

/// The settings of one module in one block, shared with all inner blocks that do not touch them.
///
/// The value never changes, so that reading it costs a load: no access is tracked, nothing is copied.
final class Box<S: Sendable>: Sendable {
    let value: S

    init(_ value: S) {
        self.value = value
    }
}

/// The settings of a block, by slot. What the block does not touch is its parent's, by reference. Never changes.
final class SettingsTable {
    /// By the slot's index; nil or beyond the end: the slot's initial value.
    let boxes: [AnyObject?]

    /// A table in which every setting has its default.
    init() {
        boxes = []
    }

    /// What the outer block has, but for what `drafts` hold.
    init(inheriting outer: SettingsTable, _ drafts: [(index: Int, draft: AnyDraft)]) {
        var boxes = outer.boxes
        for (index, draft) in drafts {
            while boxes.count <= index { boxes.append(nil) }
            boxes[index] = draft.sealed()
        }
        self.boxes = boxes
    }

    /// The settings of a slot.
    subscript<S>(slot: Slot<S>) -> S {
        _read { yield box(slot).value }
    }

    /// The box itself, for those who read it often: a location fetches it once.
    func box<S>(_ slot: Slot<S>) -> Box<S> { lend(slot) { $0 } }

    /// Lets `use` look at the settings of a slot without counting the box, for the way of every request.
    @inline(__always)
    func read<S, Result>(_ slot: Slot<S>, _ use: (S) -> Result) -> Result { lend(slot) { use($0.value) } }

    /// Lends the box.
    @inline(__always)
    func lend<S, Result>(_ slot: Slot<S>, _ use: (Box<S>) -> Result) -> Result {
        let found: Unmanaged<AnyObject>? = unsafe boxes.withUnsafeBufferPointer { boxes in
            guard slot.index < boxes.count else { return nil }
            return unsafe boxes[slot.index].map { unsafe Unmanaged.passUnretained($0) }
        }
        guard let found = unsafe found else { return use(slot.initial) }
        // The table holds it, and never lets it go.
        return unsafe found._withUnsafeGuaranteedRef {
            precondition(type(of: $0) == Box<S>.self, "two slots have one index")
            // The type has just been compared; a dynamic cast would cost five times as much.
            return use(unsafe unsafeDowncast($0, to: Box<S>.self))
        }
    }

    /// Whether both tables have the same settings in this slot, untouched since the outer block.
    func shares<S>(_ slot: Slot<S>, with other: SettingsTable) -> Bool {
        box(slot) === other.box(slot)
    }
}

/// Settings while their block is being evaluated, whose type has been forgotten.
class AnyDraft {
    /// The settings as they are to stay.
    func sealed() -> AnyObject {
        preconditionFailure("every draft has a type")
    }
}

/// Settings while their block is being evaluated.
final class Draft<S: Sendable>: AnyDraft {
    var value: S

    init(_ value: S) {
        self.value = value
    }

    override func sealed() -> AnyObject { Box(value) }
}
