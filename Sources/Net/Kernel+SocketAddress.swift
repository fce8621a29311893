/// The kernel's calls with addresses as this layer has them.
extension Kernel {
    /// Begins to connect; `-EINPROGRESS` means that the outcome is told later.
    func connect(_ descriptor: Int32, to address: SocketAddress) -> Int {
        unsafe address.withSystemAddress { unsafe connect(descriptor, to: $0) }
    }

    func bind(_ descriptor: Int32, to address: SocketAddress) -> Int {
        unsafe address.withSystemAddress { unsafe bind(descriptor, to: $0) }
    }
}
