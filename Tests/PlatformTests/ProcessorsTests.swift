import CLinux
@testable import ApusServer
import Testing

@Suite struct ProcessorsTests {
    /// Writes fake files under a directory of its own and returns that.
    private func root(_ files: [String: String]) throws -> String {
        let root = "/tmp/apus-cgroup-\(Process.id)-\(UInt32.random(in: 0...UInt32.max))"
        for (name, text) in files {
            var path = root
            unsafe mkdir(path, 0o755)
            for part in name.split(separator: "/").dropLast() {
                path += "/" + part
                unsafe mkdir(path, 0o755)
            }
            try File.write(text.utf8, to: File.openForWriting(root + name, .truncate).release())
        }
        return root
    }

    @Test func theTightestGroupOfTheSecondVersionCounts() throws {
        let root = try root([
            "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        ])
        #expect(Processors.controlGroupQuota(root: root) == 1_500)
    }

    @Test func inAContainerTheGroupsPathLiesOutside() throws {
        let root = try root([
            "/proc/self/cgroup": "0::/../../x\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n",
        ])
        #expect(Processors.controlGroupQuota(root: root) == 500)
        #expect(Processors.usable(root: root) == 1)
    }

    @Test func theFirstVersionHasTwoFiles() throws {
        let root = try root([
            "/proc/self/cgroup": "4:cpu,cpuacct:/d\n1:name=systemd:/d\n",
            "/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us": "400000\n",
            "/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ])
        #expect(Processors.controlGroupQuota(root: root) == 4_000)
    }

    @Test func withoutAQuotaAllAllowedProcessorsAreUsable() throws {
        let root = try root(["/proc/self/cgroup": "0::/\n"])
        #expect(Processors.controlGroupQuota(root: root) == nil)
        #expect(Processors.usable(root: root) == (try ProcessorSet.allowed().count))
    }

    @Test func aPendingSignalIsRead() throws {
        let set = SignalSet([.windowChange])
        try set.block()
        let descriptor = try SignalDescriptor(set)
        #expect(descriptor.next() == nil)
        _ = pthread_kill(pthread_self(), SIGWINCH)
        #expect(descriptor.next() == ReceivedSignal(signal: .windowChange, sender: Process.id))
    }
}
