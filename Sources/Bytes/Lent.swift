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
        set { if !holds(newValue) { replace(by: newValue) } }
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
