import CLinux

/// A set of processors, as affinity masks name them.
struct ProcessorSet: Equatable, Sendable {
    /// The most processors a set can name, as in glibc's `cpu_set_t`.
    static let capacity = 1_024

    private var words = [UInt](repeating: 0, count: ProcessorSet.capacity / UInt.bitWidth)

    init() {}

    init(_ members: some Sequence<Int>) {
        for member in members { insert(member) }
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    var members: [Int] { (0..<Self.capacity).filter(contains) }

    mutating func insert(_ processor: Int) {
        words[processor / UInt.bitWidth] |= 1 << UInt(processor % UInt.bitWidth)
    }

    func contains(_ processor: Int) -> Bool {
        words[processor / UInt.bitWidth] & (1 << UInt(processor % UInt.bitWidth)) != 0
    }

    /// The processors that this process may run on.
    static func allowed() throws(Errno) -> ProcessorSet {
        var set = ProcessorSet()
        let size = set.words.count * MemoryLayout<UInt>.size
        if unsafe apus_get_affinity(&set.words, size) != 0 { throw Errno.last }
        return set
    }

    /// Confines this process to the set.
    func confineProcess() throws(Errno) {
        let size = words.count * MemoryLayout<UInt>.size
        if unsafe apus_set_affinity(words, size) != 0 { throw Errno.last }
    }
}

/// How much processor time this process may use.
enum Processors {
    /// Processors that are switched on.
    static var online: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Workers that can run at once: the processors this process may run on, but no more than its control group's quota
    /// allows (rounded up). nginx counts the machine's processors, and in a container limited to two starts 64 workers.
    static func usable(root: String = "") -> Int {
        let allowed = (try? ProcessorSet.allowed().count) ?? online
        guard let quota = controlGroupQuota(root: root) else { return max(1, allowed) }
        return max(1, min(allowed, (quota + 999) / 1_000))
    }

    /// The smallest quota, in thousandths of a processor, of the process's control group and the groups around it; nil: none is set.
    /// `root` goes before all paths.
    static func controlGroupQuota(root: String = "") -> Int? {
        guard let membership = try? File.text(root + "/proc/self/cgroup") else { return nil }
        var smallest: Int?
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let group = String(parts[2])
            if parts[1].isEmpty {
                consider(group, in: root + "/sys/fs/cgroup", &smallest, secondVersionQuota)
            } else if parts[1].split(separator: ",").contains("cpu") {
                // Distributions mount the controller alone or together with the accounting one.
                for mount in ["cpu", "cpu,cpuacct"] {
                    consider(
                        group, in: root + "/sys/fs/cgroup/" + mount, &smallest, firstVersionQuota)
                }
            }
        }
        return smallest
    }

    /// Looks at a group and all groups around it. In a container the path may lie outside of what is mounted, whose root
    /// then is the container's own group.
    private static func consider(
        _ group: String, in mount: String, _ smallest: inout Int?,
        _ quota: (String) -> Int?
    ) {
        var names = group.split(separator: "/").filter { $0 != ".." }
        while true {
            let directory = ([mount] + names.map(String.init)).joined(separator: "/")
            if let found = quota(directory) { smallest = min(smallest ?? found, found) }
            if names.isEmpty { return }
            names.removeLast()
        }
    }

    /// `cpu.max`: `200000 100000`, or `max 100000`.
    private static func secondVersionQuota(_ directory: String) -> Int? {
        guard let text = try? File.text(directory + "/cpu.max") else { return nil }
        let fields = text.split { $0 == " " || $0 == "\n" }
        guard fields.count == 2, let quota = Int(fields[0]), let period = Int(fields[1]),
            quota > 0, period > 0
        else { return nil }
        return quota * 1_000 / period
    }

    /// `cpu.cfs_quota_us` (-1: none) and `cpu.cfs_period_us`.
    private static func firstVersionQuota(_ directory: String) -> Int? {
        guard let quota = number(in: directory + "/cpu.cfs_quota_us"),
            let period = number(in: directory + "/cpu.cfs_period_us"), quota > 0, period > 0
        else { return nil }
        return quota * 1_000 / period
    }

    private static func number(in path: String) -> Int? {
        guard let text = try? File.text(path) else { return nil }
        return Int(text.split(separator: "\n").first ?? "")
    }
}
