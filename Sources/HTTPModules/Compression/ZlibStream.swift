import CZlib

/// zlib's state of a stream, in either direction.
///
/// zlib keeps pointers to input and output in it; these are set anew for each call and never used after it. It is allocated apart
/// and never moves, since zlib checks its address.
@safe
final class ZlibStream {
    let state: UnsafeMutablePointer<z_stream>

    init() {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: z_stream())
    }

    deinit {
        unsafe state.deallocate()
    }

    /// 16 more than the window's bits asks for gzip's frame instead of zlib's.
    static func gzip(windowBits: Int32) -> Int32 { windowBits + 16 }

    /// Has `call` take bytes from `start` on, which moves behind what was taken, and fill the free space of `output`. Returns zlib's
    /// code, and whether there is room left.
    func step(
        _ bytes: Span<UInt8>, _ start: inout Int, _ output: Buffer, _ call: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> (code: Int32, hasRoom: Bool) {
        let rest = bytes.extracting(start..<bytes.count)
        let state = unsafe state
        var code = Z_OK
        var hasRoom = false
        unsafe rest.withUnsafeBufferPointer { input in
            // zlib does not write to its input; the field lacks the const for historical reasons.
            unsafe state.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe state.pointee.avail_in = UInt32(clamping: input.count)
            _ = unsafe output.fill(minimum: 1) { space in
                unsafe state.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                unsafe state.pointee.avail_out = UInt32(clamping: space.count)
                code = unsafe call(state)
                hasRoom = unsafe state.pointee.avail_out > 0
                return unsafe space.count - Int(state.pointee.avail_out)
            }
            start = unsafe bytes.count - Int(state.pointee.avail_in)
        }
        unsafe state.pointee.next_in = nil
        unsafe state.pointee.next_out = nil
        return (code, hasRoom)
    }
}
