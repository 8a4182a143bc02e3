# language: zh-CN
功能: 无法读取的记录

  文档的示例代码把缺失的内容当作"unknown"、空字符串或当前时间；这里要求它们进入死信主题，并且不阻塞后面的事件。

  背景:
    假如系统正在运行

  场景: 缺少 event_id 的记录进入死信主题，不会让后面的事件消失
    假如用户"bob"关注了用户"alice"
    当发布一个无效的"content.post.created"事件，记为"坏记录"
      | rule  | missing-header  |
      | place | header event_id |
    那么该事件在5秒内进入死信主题
    # 键相同，所以在同一分区，排在坏记录之后。
    当发布事件"content.post.created"，记为"帖子"
      | user_id | {alice}        |
      | post_id | {坏记录.post_id} |
    那么用户"bob"的动态在5秒内显示帖子"帖子"

  场景: 缺少 event_type 的记录进入死信主题
    当发布一个无效的"content.post.created"事件，记为"坏记录"
      | rule  | missing-header    |
      | place | header event_type |
    那么该事件在5秒内进入死信主题

  场景: 缺少 post_id 或 user_id 的事件进入死信主题
    当发布一个无效的"content.post.created"事件，记为"无作者"
      | rule  | required |
      | place | /user_id |
    那么该事件在5秒内进入死信主题
    当发布一个无效的"content.post.deleted"事件，记为"无帖子"
      | rule  | required |
      | place | /post_id |
    那么该事件在5秒内进入死信主题

  场景: created_at 无法读取的事件进入死信主题
    当发布一个无效的"content.post.created"事件，记为"坏时间"
      | rule  | format      |
      | place | /created_at |
    那么该事件在5秒内进入死信主题

  场景: 值为空的记录进入死信主题
    当发布一个无效的"content.post.created"事件，记为"空值"
      | rule | null-payload |
    那么该事件在5秒内进入死信主题

  # 文档的 kafka-console-producer 和 kafka-producer-perf-test 命令就是这样写的：没有头部，没有键，内容不一定是 JSON。
  场景: 内容不是 JSON 的记录和没有键的记录进入死信主题
    当发布一个无效的"content.post.created"事件，记为"乱码"
      | rule | not-decodable |
    那么该事件在5秒内进入死信主题
    并且该事件在5秒内由服务"search-service"送入死信主题
    当发布一个无效的"content.post.created"事件，记为"无键"
      | rule | missing-key |
    那么该事件在5秒内进入死信主题
    并且该事件在5秒内由服务"search-service"送入死信主题
