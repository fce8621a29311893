import CLinux

/// A parent's wait for its child's word that all is well, over a pipe made before the fork.
final class ParentsWait {
    private var readEnd: Descriptor?
    private var writeEnd: Descriptor?

    init() throws(Errno) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &ends) { space in
            unsafe pipe2(space.bindMemory(to: Int32.self).baseAddress, O_CLOEXEC)
        }
        if result != 0 { throw Errno.last }
        readEnd = Descriptor(owning: ends.0)
        writeEnd = Descriptor(owning: ends.1)
    }

    /// In the child, at once.
    func isChild() {
        readEnd = nil
    }

    /// In the child: gives the word.
    func give() {
        guard let number = number(of: writeEnd) else { return }
        try? File.write([1], to: number)
        writeEnd = nil
    }

    /// In the parent: waits; false if the child ended without its word.
    func wasGiven() -> Bool {
        writeEnd = nil
        guard let number = number(of: readEnd) else { return false }
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(number, &byte, 1)
            if count >= 0 { return count == 1 }
            if Errno.last != .interrupted { return false }
        }
    }

    private func number(of end: borrowing Descriptor?) -> Int32? {
        switch end {
        case .some(let open): open.number
        case .none: nil
        }
    }
}
