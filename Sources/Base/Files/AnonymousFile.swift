import CSpawn

/// Makes an empty file without a name, in memory. It is gone when this process, and programs that were started with it, have
/// closed it: nothing is left behind, however they end.
///
/// - Returns: the descriptor, which the caller closes.
/// - Throws: ``SystemError`` where there are too many descriptors or no memory.
package func anonymousFile() throws(SystemError) -> Int32 {
    let descriptor = pg_anonymous_file()
    guard descriptor >= 0 else { throw SystemError(-descriptor) }
    return descriptor
}
