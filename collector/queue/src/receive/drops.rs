//! Datagrams that the kernel dropped because a socket's buffer was full: the column `drops` of
//! `/proc/self/net/udp` and `udp6`, by the socket's inode.

use std::fs;

/// Reads the count; none where there is no such table.
pub(super) fn of(inode: u64) -> Option<u64> {
    ["/proc/self/net/udp", "/proc/self/net/udp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|table| in_table(&table, inode))
}

/// Columns: …, inode is the tenth, drops the last.
fn in_table(table: &str, inode: u64) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let found = columns.get(9)?.parse::<u64>().ok()?;
        (found == inode).then(|| columns.last()?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_the_last_column_of_the_sockets_row() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             1049: 0100007F:9A7D 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 27191 2 0000000000000000 17\n";
        assert_eq!(in_table(table, 27191), Some(17));
        assert_eq!(in_table(table, 1), None);
        assert_eq!(in_table("", 1), None);
    }
}
