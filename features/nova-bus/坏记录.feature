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
    当用户"alice"的帖子事件"帖子"直接发布到主题
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
