import CWire

/// Memory that the structs of one message point into. It is freed as a whole, so no struct owns anything.
package final class Arena {
    private var blocks: [UnsafeMutableRawPointer] = []

    package init() {}

    deinit {
        for block in blocks { block.deallocate() }
    }

    /// Returns a struct with protobuf-c's defaults.
    func make<Struct>(_ initialize: (UnsafeMutablePointer<Struct>?) -> Void) -> UnsafeMutablePointer<Struct> {
        let pointer = allocate(Struct.self, count: 1)
        initialize(pointer)
        return pointer
    }

    /// Returns a copy of plain numbers; nil where there are none.
    func copy<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let pointer = allocate(Element.self, count: elements.count)
        pointer.initialize(from: elements, count: elements.count)
        return pointer
    }

    /// Returns a copy that ends with NUL. What follows a NUL inside `string` is not sent.
    func copy(_ string: String) -> UnsafeMutablePointer<CChar>? {
        copy(Array(string.utf8CString))
    }

    /// Returns the table of pointers by which protobuf-c holds a repeated message; nil where there are none.
    func table<Struct>(
        _ structs: [UnsafeMutablePointer<Struct>]
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<Struct>?>? {
        copy(structs.map(Optional.some))
    }

    private func allocate<Element>(_ type: Element.Type, count: Int) -> UnsafeMutablePointer<Element> {
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: count * MemoryLayout<Element>.stride, alignment: MemoryLayout<Element>.alignment)
        blocks.append(block)
        return block.bindMemory(to: Element.self, capacity: count)
    }
}
