import Foundation

/// The directory of this program in the user's cache, as the XDG base directory specification places it.
package enum UserCacheDirectory {
    /// `$XDG_CACHE_HOME/paligemma`, or `~/.cache/paligemma` where the variable is not set or is no absolute path. The
    /// directory may not exist yet. Nil where this user has no home directory.
    package static var path: String? {
        let environment = ProcessEnvironment.variables
        if let given = environment["XDG_CACHE_HOME"], given.hasPrefix("/") { return given + "/paligemma" }
        let home = NSHomeDirectory()
        return home.hasPrefix("/") && home != "/" ? home + "/.cache/paligemma" : nil
    }
}
