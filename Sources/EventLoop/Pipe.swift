/// A pipe of the kernel's: bytes go through it from one socket to another, and are neither copied nor looked at.
///
/// It is empty whenever somebody begins to fill it. The bytes are a piece of an output queue then, and with the last of them the pipe
/// returns to its pool; a queue that is dropped closes it.
final class Pipe {
    /// Where bytes go in, and where they come out.
    let input: Int32
    let output: Int32
    /// Bytes that are in it.
    var count = 0
    private let kernel: Kernel
    private let census: PipePool.Census

    fileprivate init(input: Int32, output: Int32, kernel: Kernel, census: PipePool.Census) {
        self.input = input
        self.output = output
        self.kernel = kernel
        self.census = census
        census.open += 1
    }

    deinit {
        census.open -= 1
        kernel.close(input)
        kernel.close(output)
    }
}

/// A worker's pipes, made at need and used over and over. As those that are empty serve whoever comes next, only clients that cannot
/// take more for now keep one each.
final class PipePool {
    /// How many there are.
    fileprivate final class Census {
        var open = 0
    }

    /// What a user's pipes may take together is limited (`pipe-user-pages-soft`, 64 MB): these take 16 MB at most.
    private static let bound = 64
    /// More room brought nothing, and 64 KB a third less.
    private static let room = 256 * 1_024
    /// With less it is cheaper to copy. A user beyond that limit gets two pages.
    private static let leastRoom = 64 * 1_024
    /// Milliseconds in which none is asked for after one was refused.
    private static let pause = 1_000

    private let kernel: Kernel
    private let free = List<Pipe>()
    private let census = Census()
    private var pausesUntil = Int.min

    init(kernel: Kernel) {
        self.kernel = kernel
    }

    /// An empty pipe. Nil: there are enough of them, or the system has none.
    func take(now: Int) -> Pipe? {
        if let pipe = free.popLast() { return pipe }
        guard census.open < Self.bound, now >= pausesUntil else { return nil }
        if let pipe = make() { return pipe }
        pausesUntil = now + Self.pause
        return nil
    }

    private func make() -> Pipe? {
        var (input, output): (Int32, Int32) = (-1, -1)
        guard kernel.pipe(in: &input, out: &output) >= 0 else { return nil }
        let pipe = Pipe(input: input, output: output, kernel: kernel, census: census)
        return kernel.growPipe(input, to: Self.room) >= Self.leastRoom ? pipe : nil
    }

    /// Gives an empty one back.
    func give(_ pipe: Pipe) {
        precondition(pipe.count == 0, "what is in a pipe has to leave it first")
        free.append(pipe)
    }

    /// Closes those that nobody uses.
    func trim() { free.removeAll() }

    /// No pipe serves here: the system cannot move bytes.
    func close() {
        trim()
        pausesUntil = .max
    }
}
