/// A module's settings: a struct whose initial value holds the defaults, and its place in every block's table.
///
/// No two slots may have one index; the indices come from one enum.
package struct Slot<S: Sendable>: Sendable {
    package let index: Int
    package let initial: S

    package init(index: Int, initial: S) {
        precondition(index >= 0)
        self.index = index
        self.initial = initial
    }
}

/// A box of settings whose type has been forgotten, for the table.
package class AnyBox {
    /// The type of the value: what makes the downcast in the table a checked one.
    final let type: ObjectIdentifier
    /// The number of the table that made the box; only that table writes to it.
    final let owner: Int

    fileprivate init(type: ObjectIdentifier, owner: Int) {
        self.type = type
        self.owner = owner
    }
}

/// The settings of one module in one block, shared with all inner blocks that do not touch them.
package final class Box<S: Sendable>: AnyBox {
    package fileprivate(set) var value: S

    fileprivate init(_ value: S, owner: Int) {
        self.value = value
        super.init(type: ObjectIdentifier(S.self), owner: owner)
    }
}

/// The settings of a block, by slot. What the block does not touch is its parent's, by reference.
package final class SettingsTable {
    /// Hands out the numbers of tables.
    private final class Numbers {
        var last = 0
    }

    private let numbers: Numbers
    private let number: Int
    private var boxes: [AnyBox?]

    /// A table in which every setting has its default.
    package init() {
        numbers = Numbers()
        number = 0
        boxes = []
    }

    /// A table that shares everything with `parent` until it is written to.
    package init(inheriting parent: SettingsTable) {
        numbers = parent.numbers
        numbers.last += 1
        number = numbers.last
        boxes = parent.boxes
    }

    package subscript<S>(slot: Slot<S>) -> S {
        guard slot.index < boxes.count, let any = boxes[slot.index] else { return slot.initial }
        return Self.box(any, as: slot).value
    }

    /// The box itself, for those who read it often: a location fetches it once.
    package func box<S>(_ slot: Slot<S>) -> Box<S> {
        if slot.index < boxes.count, let any = boxes[slot.index] {
            return Self.box(any, as: slot)
        }
        return place(slot, slot.initial)
    }

    /// Whether both tables have the same settings in this slot, untouched since the outer block.
    package func shares<S>(_ slot: Slot<S>, with other: SettingsTable) -> Bool {
        let mine = slot.index < boxes.count ? boxes[slot.index] : nil
        let others = slot.index < other.boxes.count ? other.boxes[slot.index] : nil
        return mine === others
    }

    /// Changes the settings of a slot, in a copy if they are an outer block's.
    package func write<S, R, Failure: Error>(
        _ slot: Slot<S>, _ body: (inout S) throws(Failure) -> R
    ) throws(Failure) -> R {
        let target: Box<S>
        if slot.index < boxes.count, let any = boxes[slot.index] {
            let current = Self.box(any, as: slot)
            target = any.owner == number ? current : place(slot, current.value)
        } else {
            target = place(slot, slot.initial)
        }
        return try body(&target.value)
    }

    private func place<S>(_ slot: Slot<S>, _ value: S) -> Box<S> {
        while boxes.count <= slot.index { boxes.append(nil) }
        let box = Box(value, owner: number)
        boxes[slot.index] = box
        return box
    }

    /// The box as what the slot says it is.
    @inline(__always)
    private static func box<S>(_ any: AnyBox, as slot: Slot<S>) -> Box<S> {
        precondition(any.type == ObjectIdentifier(S.self), "two slots have one index")
        // The type has just been compared; a dynamic cast would cost five times as much.
        return unsafe unsafeDowncast(any, to: Box<S>.self)
    }
}
