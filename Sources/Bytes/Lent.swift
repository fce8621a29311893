/// A reference that changes, whose object is lent at each use instead of being counted.
///
/// A property of a class may be given another value while the object that it held is at work, so the compiler counts a reference at
/// each use. Counting is atomic, and was more than half of what a short request cost in the process. Here an object that was
/// replaced is kept until nobody can be at work with it any more: its keeper empties `departed` where no call is under way.
@safe
final class Lent<Object: AnyObject> {
    private var reference: Unmanaged<Object>
    private let departed: List<AnyObject>

    /// - Parameter departed: takes the objects that are replaced. The event loop's is emptied between its turns.
    init(_ object: Object, departed: List<AnyObject>) {
        unsafe reference = .passRetained(object)
        self.departed = departed
    }

    deinit {
        unsafe reference.release()
    }

    /// The object, counted: for code off the data path.
    var object: Object {
        get { unsafe reference.takeUnretainedValue() }
        set { hold(newValue) }
    }

    /// Takes another object, which is counted only if it is another: a value that is assigned is counted in any case.
    func hold(_ object: Object) {
        if !holds(object) { replace(by: object) }
    }

    func holds(_ object: Object) -> Bool {
        unsafe reference.toOpaque() == Unmanaged.passUnretained(object).toOpaque()
    }

    /// Lets `use` work with the object, which stays there whatever is done meanwhile.
    @inline(__always)
    func lend<Result>(_ use: (Object) -> Result) -> Result {
        unsafe reference._withUnsafeGuaranteedRef(use)
    }

    /// The same, for those who know its class.
    @inline(__always)
    func lend<Known: AnyObject, Result>(as known: Known.Type, _ use: (Known) -> Result) -> Result {
        lend {
            precondition(type(of: $0) == known, "an object of another class is lent")
            return use(unsafe unsafeDowncast($0, to: known))
        }
    }

    @inline(never)
    private func replace(by object: Object) {
        unsafe departed.append(reference.takeRetainedValue())
        unsafe reference = .passRetained(object)
    }
}

/// The same for a reference that may be nil.
@safe
final class LentIfAny<Object: AnyObject> {
    private var reference: Unmanaged<Object>?
    private let departed: List<AnyObject>?

    /// - Parameter departed: takes the objects that are replaced; nil: none ever is.
    init(departed: List<AnyObject>? = nil) {
        self.departed = departed
    }

    deinit {
        unsafe reference?.release()
    }

    var isEmpty: Bool { unsafe reference == nil }

    /// The object, counted: for code off the data path.
    var object: Object? {
        get { unsafe reference?.takeUnretainedValue() }
        set {
            if let newValue { hold(newValue) } else { empty() }
        }
    }

    /// Takes another object, which is counted only if it is another.
    func hold(_ object: Object) {
        if holds(object) { return }
        empty()
        unsafe reference = .passRetained(object)
    }

    func holds(_ object: Object) -> Bool {
        guard let reference = unsafe reference else { return false }
        return unsafe reference.toOpaque() == Unmanaged.passUnretained(object).toOpaque()
    }

    /// Lets the object go, when nobody is at work with it any more.
    @inline(never)
    func empty() {
        guard let old = unsafe reference else { return }
        guard let departed else { preconditionFailure("what is set once is not replaced") }
        unsafe reference = nil
        unsafe departed.append(old.takeRetainedValue())
    }

    /// Lets `use` work with the object, which stays there whatever is done meanwhile. Nil: there is none.
    @inline(__always)
    func lend<Result>(_ use: (Object) -> Result) -> Result? {
        guard let reference = unsafe reference else { return nil }
        return unsafe reference._withUnsafeGuaranteedRef(use)
    }

    /// The same, for those who know its class. Not where `Object` is `AnyObject`: an optimised build takes that for every object's class.
    @inline(__always)
    func lend<Known: AnyObject, Result>(as known: Known.Type, _ use: (Known) -> Result) -> Result? {
        lend {
            precondition(type(of: $0) == known, "an object of another class is lent")
            return use(unsafe unsafeDowncast($0, to: known))
        }
    }
}

extension Array where Element: AnyObject {
    /// Lets `use` work with an element of a list that never changes, without counting it.
    @inline(__always)
    func lend<Result>(_ index: Int, _ use: (Element) -> Result) -> Result {
        let lent = unsafe withUnsafeBufferPointer { elements in
            precondition(index >= 0 && index < elements.count)
            return unsafe Unmanaged.passUnretained(elements[index])
        }
        return unsafe lent._withUnsafeGuaranteedRef(use)
    }
}

extension List where Element: AnyObject {
    /// Lets `use` work with an element without counting it. Whoever takes it out of the list meanwhile has to keep it for the rest
    /// of the turn, as with `Lent`.
    @inline(__always)
    func lend<Result>(_ index: Int, _ use: (Element) -> Result) -> Result {
        unsafe Unmanaged.passUnretained(self[index])._withUnsafeGuaranteedRef(use)
    }
}

extension List {
    /// The same for a list with gaps; nil: here is one.
    @inline(__always)
    func lend<Object: AnyObject, Result>(_ index: Int, _ use: (Object) -> Result) -> Result? where Element == Object? {
        guard let reference = unsafe self[index].map({ unsafe Unmanaged.passUnretained($0) }) else { return nil }
        return unsafe reference._withUnsafeGuaranteedRef(use)
    }

    /// Moves an element out of a list with gaps.
    func take<Object>(_ index: Int) -> Object? where Element == Object? {
        let taken = self[index].take()
        return taken
    }
}
