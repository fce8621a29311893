#if ISAL
    import CISAL

    /// A gzip stream of ISA-L (igzip): three to eight times as fast as zlib at its lowest levels, and as dense.
    ///
    /// All calls of the library are here. They are unsafe because the library keeps pointers to input and output in its state; these
    /// are set anew for each call and never used after it. State and the level's tables are allocated once, and are the same size for
    /// every body. Its own counters have 32 bits and run over, which means nothing but to the gzip trailer, where they are to.
    @safe
    final class IgzipDeflater {
        private let stream: UnsafeMutablePointer<isal_zstream>
        private let tables: UnsafeMutableRawPointer
        private let tablesSize: UInt32
        private let level: UInt32
        private let windowBits: UInt16

        /// - Parameters:
        ///   - level: 1 to 3.
        ///   - windowBits: the farthest match is 2 to this power bytes back: 9 to 15.
        init(level: Int, windowBits: Int) {
            precondition(1...3 ~= level && 9...15 ~= windowBits)
            self.level = UInt32(level)
            self.windowBits = UInt16(windowBits)
            tablesSize = apus_igzip_level_size(self.level)
            // The library asks for the alignment of a cache line.
            let memory = unsafe UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<isal_zstream>.size, alignment: 64)
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<isal_zstream>.size)
            unsafe stream = memory.assumingMemoryBound(to: isal_zstream.self)
            unsafe tables = .allocate(byteCount: Int(tablesSize), alignment: 64)
            unsafe tables.initializeMemory(as: UInt8.self, repeating: 0, count: Int(tablesSize))
            reset()
        }

        deinit {
            unsafe UnsafeMutableRawPointer(stream).deallocate()
            unsafe tables.deallocate()
        }

        /// Ready for another body.
        func reset() {
            unsafe isal_deflate_init(stream)
            unsafe stream.pointee.level = level
            unsafe stream.pointee.level_buf = tables.assumingMemoryBound(to: UInt8.self)
            unsafe stream.pointee.level_buf_size = tablesSize
            unsafe stream.pointee.gzip_flag = UInt16(IGZIP_GZIP)
            unsafe stream.pointee.hist_bits = windowBits
        }

        /// See `Compressor.compress`.
        func compress(
            _ bytes: Span<UInt8>, from start: inout Int, _ mode: Compressor.Mode, into output: Buffer
        ) -> Compressor.Outcome {
            let stream = unsafe stream
            let rest = bytes.extracting(start..<bytes.count)
            unsafe stream.pointee.flush = UInt16(mode == .flush ? SYNC_FLUSH : NO_FLUSH)
            unsafe stream.pointee.end_of_stream = mode == .finish ? 1 : 0
            var code = COMP_OK
            var hasRoom = false
            unsafe rest.withUnsafeBufferPointer { input in
                // The library does not write to its input; the field lacks the const.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
                _ = unsafe output.fill(minimum: 1) { space in
                    unsafe stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                    let room = UInt32(clamping: space.count)
                    unsafe stream.pointee.avail_out = room
                    code = unsafe isal_deflate(stream)
                    hasRoom = unsafe stream.pointee.avail_out > 0
                    return unsafe Int(room - stream.pointee.avail_out)
                }
                start = unsafe bytes.count - Int(stream.pointee.avail_in)
            }
            unsafe stream.pointee.next_in = nil
            unsafe stream.pointee.next_out = nil
            guard code == COMP_OK else { return .failed(Int(code)) }
            if mode == .finish, unsafe apus_igzip_is_at_end(stream) != 0 { return .taken }
            guard hasRoom else { return .full }
            // With room left, the library has taken everything, and has ended if it was to.
            return mode == .finish || start < bytes.count ? .failed(Int(ISAL_INVALID_STATE)) : .taken
        }
    }
#endif
