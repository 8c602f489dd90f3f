//! Fields of sockets, and of watches on files.

/// Passes these rows on, after the rows of `$before`.
#[doc(hidden)]
#[macro_export]
macro_rules! fields_of_sockets {
    ($to:ident $($before:tt)*) => {
        $crate::fields_of_tasks! { $to $($before)*
            -, SocketSk, 8, ["socket.sk"];
            -, SocketFile, 8, ["socket.file"];
            -, SocketAllocSocket, 0, ["socket_alloc.socket"];
            -, SocketAllocInode, 0, ["socket_alloc.vfs_inode"];
            -, SockMemcg, 8, ["sock.sk_memcg"];
            -, SockCgroup, 8, ["sock.sk_cgrp_data.cgroup", "sock.sk_cgrp_data.val"];
            -, SockSocket, 8, ["sock.sk_socket"];
            -, SockProtocol, 2, ["sock.sk_protocol"];
            -, SockFamily, 2, ["sock.__sk_common.skc_family"];
            -, SockState, 1, ["sock.__sk_common.skc_state"];
            -, SockReceiveQueue, 0, ["sock.sk_receive_queue"];
            -, SockReceiveQueueLen, 4, ["sock.sk_receive_queue.qlen"];
            -, SockHashed, 8, ["sock.__sk_common.skc_node.pprev"];
            -, SockTimer, 8, ["sock.sk_timer.entry.pprev"];
            -, TcpRetransmitTimer, 8, ["sock.tcp_retransmit_timer.entry.pprev", "inet_connection_sock.icsk_retransmit_timer.entry.pprev"];
            -, TcpDelayTimer, 8, ["inet_connection_sock.icsk_delack_timer.entry.pprev"];
            -, TcpKeepaliveTimer, 8, ["inet_connection_sock.icsk_keepalive_timer.entry.pprev"];
            -, SkbNext, 8, ["sk_buff.next"];
            -, SkbSock, 8, ["sk_buff.sk"];
            -, SkbCb, 0, ["sk_buff.cb"];
            -, UnixSkbFiles, 8, ["unix_skb_parms.fp"];
            -, ScmFilesCount, 2, ["scm_fp_list.count"];
            -, ScmFiles, 0, ["scm_fp_list.fp"];
            -, SockRefcnt, 4, ["sock.__sk_common.skc_refcnt"];
            -, SockProt, 8, ["sock.__sk_common.skc_prot"];
            -, SockNet, 8, ["sock.__sk_common.skc_net.net"];
            -, SockNum, 2, ["sock.__sk_common.skc_num"];
            -, SockDport, 2, ["sock.__sk_common.skc_dport"];
            -, SockDaddr, 4, ["sock.__sk_common.skc_daddr"];
            -, SockRcvSaddr, 4, ["sock.__sk_common.skc_rcv_saddr"];
            -, SockV6Daddr, 16, ["sock.__sk_common.skc_v6_daddr"];
            -, SockV6RcvSaddr, 16, ["sock.__sk_common.skc_v6_rcv_saddr"];
            -, UnixAddr, 8, ["unix_sock.addr"];
            -, UnixPeer, 8, ["unix_sock.peer"];
            -, UnixAddressLen, 4, ["unix_address.len"];
            -, UnixAddressName, 0, ["unix_address.name"];
            -, NetlinkPortid, 4, ["netlink_sock.portid"];
            -, ProtoName, 32, ["proto.name"];
            -, ProtoSlab, 8, ["proto.slab"];
            -, ProtoObjSize, 4, ["proto.obj_size"];
            -, ProtoNode, 16, ["proto.node"];
            -, NetInum, 4, ["net.ns.inum"];
            -, FsnotifyMemcg, 8, ["fsnotify_group.memcg"];
            -, FsnotifyMarks, 16, ["fsnotify_group.marks_list"];
            -, MarkInGroup, 16, ["fsnotify_mark.g_list"];
            -, MarkConnector, 8, ["fsnotify_mark.connector"];
            -, ConnectorObj, 8, ["fsnotify_mark_connector.obj"];
            -, InodeMarks, 8, ["inode.i_fsnotify_marks"];
            -, SbMarks, 8, ["super_block.s_fsnotify_marks"];
            -, SbNotifyInfo, 8, ["super_block.s_fsnotify_info"];
            -, NotifyInfoMarks, 8, ["fsnotify_sb_info.sb_marks"];
        }
    };
}
